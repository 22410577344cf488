/**
 * The kvedge client: loads published contexts into an engine. Works in Node and the browser.
 * Withheld: HTTP, verification and timing, so that they can change.
 */
export { deleteContext, purgeContexts } from './administer.ts';
export {
  type ContextChunksOptions,
  contextChunks,
  type DecodedChunk,
  fetchManifest,
  type LoadProgress,
} from './context-chunks.ts';
export { ClientError, type ClientErrorCode } from './errors.ts';
export type { EdgeAccess } from './http.ts';
export { type OpenContextOptions, type OpenedContext, openContext } from './open-context.ts';
export { diskProfileCache, type ProfileCache } from './profile-cache.ts';
export { Profiles } from './profiles.ts';
export { followContext, type Publication, publishContext, submitContext } from './publish.ts';
export type { LoadReport, PlanReport, Stage } from './report.ts';
export type { StreamOptions } from './stream/begin-stream.ts';
export { type EdgeStreamOptions, edgeStream } from './stream/edge-stream.ts';
export type { PlanEntry } from './stream/history.ts';
export { measureEngine } from './stream/measure-engine.ts';
export { Speeds } from './stream/speeds.ts';
export { type StreamChunksOptions, type StreamedChunk, streamChunks } from './stream/stream-chunks.ts';
