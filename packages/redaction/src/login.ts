/** A user name and a password that stood side by side: a login attempt, before it becomes tokens. Byte strings; never leaves the sensor. */

export interface RawLogin {
  readonly user: string
  readonly password: string
}

/** The longest user name or password that is looked at, bytes. Longer ones are no login anybody will repeat. */
export const loginValueMaxBytes = 1_024

/** Collects the fields of one object or form, and says in the end whether they were a login. */
export class LoginFields {
  user: string | undefined
  password: string | undefined
  /** A second password: a registration or a change of password. */
  otherPassword = false

  get login(): RawLogin | undefined {
    const { user, password } = this
    if (user === undefined || password === undefined || this.otherPassword || user === '' || password === '')
      return undefined
    return { user, password }
  }
}
