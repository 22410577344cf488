/** The streaming controller: which level of each chunk to fetch, or text, to be ready by a deadline. docs/streaming.md. */
export { adaptive } from './adaptive.ts';
export { cachegenRule, fixedLevel, textOnly } from './cachegen.ts';
export * from './model.ts';
export { type Actions, Session, type SessionOptions, type Transfer } from './session.ts';
export { Throughput, type ThroughputOptions } from './throughput.ts';
