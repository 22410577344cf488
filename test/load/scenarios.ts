export interface Scenario {
  name: string;
  /** For the table. */
  what: string;
  users: number;
  /** Of a short run. */
  seconds: number;
}

/** In the order in which they are run; what each does and where its bar lies is in `scenarios/<name>.py`. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'steady', what: 'steady read', users: 12, seconds: 20 },
  { name: 'herd', what: 'herd on a cold context', users: 300, seconds: 120 },
  { name: 'mixed', what: 'mixed levels and ranges', users: 8, seconds: 20 },
  { name: 'publish', what: 'publish under read load', users: 9, seconds: 20 },
  { name: 'outage', what: 'origin outage', users: 9, seconds: 30 },
  { name: 'soak', what: 'soak', users: 8, seconds: 30 },
];
