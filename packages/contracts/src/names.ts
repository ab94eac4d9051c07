/** Every topic, queue, table, consumer group and metric prefix: spelled here, and nowhere else. */

export const topicNames = {
  transactions: 'http.transactions.v1',
  endpoints: 'catalog.endpoints.v1',
  findings: 'findings.v1',
  decisions: 'decisions.v1',
  sensorIntervals: 'sensor.intervals.v1',
  deadLetters: 'dead-letters.v1',
} as const
export type TopicName = (typeof topicNames)[keyof typeof topicNames]

/** Partitions of each topic. Changing one moves keys: a new topic version, not an edit. */
export const partitionCounts: Readonly<Record<TopicName, number>> = {
  'http.transactions.v1': 16,
  'catalog.endpoints.v1': 1,
  'findings.v1': 1,
  'decisions.v1': 1,
  'sensor.intervals.v1': 1,
  'dead-letters.v1': 1,
}

export const consumerGroups = {
  catalog: 'tapwarden-catalog',
  catalogIntervals: 'tapwarden-catalog-intervals',
  detector: 'tapwarden-detector',
  detectorEndpoints: 'tapwarden-detector-endpoints',
  mitigator: 'tapwarden-mitigator',
  mitigatorEffect: 'tapwarden-mitigator-effect',
  alerter: 'tapwarden-alerter',
} as const
export type ConsumerGroup = (typeof consumerGroups)[keyof typeof consumerGroups]

export const database = 'tapwarden'

export const tableNames = {
  transactions: 'http_transactions',
  endpoints: 'endpoints',
  endpointSchemas: 'endpoint_schemas',
  endpointRedirects: 'endpoint_redirects',
  findings: 'findings',
  decisions: 'decisions',
  decisionEffects: 'decision_effects',
  auditLog: 'audit_log',
  sensorIntervals: 'sensor_intervals',
  endpointsByMinute: 'endpoints_by_minute',
  endpointsByHour: 'endpoints_by_hour',
  migrations: 'schema_migrations',
} as const
export type TableName = (typeof tableNames)[keyof typeof tableNames]

export const queueNames = {
  enforce: 'decision-enforce',
  expire: 'decision-expire',
  alert: 'alert-deliver',
} as const
export type QueueName = (typeof queueNames)[keyof typeof queueNames]

export const metricPrefix = 'tapwarden_'
/** Response field that our edges add to an answer of their own: the decision's id. Also how capture recognises a refusal. */
export const decisionFieldName = 'x-tapwarden-decision'
