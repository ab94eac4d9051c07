/** The detectors there are. A new one is a file of its own and a line here. */

import { CredentialStuffingDetector } from './credential-stuffing.js'
import type { DetectionConfig } from './detection-config.js'
import type { Detector } from './detector.js'
import { ScrapingDetector } from './scraping.js'

export function createDetectors(config: DetectionConfig): Detector[] {
  return [new CredentialStuffingDetector(config.credentialStuffing), new ScrapingDetector(config.scraping)]
}
