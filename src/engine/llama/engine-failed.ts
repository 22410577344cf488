import { EngineError } from '../errors.ts';

/** Wraps what node-llama-cpp threw; kvedge's own errors pass unchanged. */
export function failed(doing: string, cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  return new EngineError('engine-failed', {
    what: `llama.cpp failed while ${doing}`,
    why: cause instanceof Error ? cause.message : String(cause),
    remedy: 'Retry with a new sequence; with too little memory, use a smaller capacity.',
    cause,
  });
}
