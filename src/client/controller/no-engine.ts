import type { EngineSpeed } from './model.ts';

/** Where nobody evaluates text, it takes forever. (Not Infinity: no tokens take no time.) */
export const NO_ENGINE: EngineSpeed = {
  prefillMsPerToken: 1e9,
  prefillMsPerTokenPerPosition: 0,
  loadFixedMs: 0,
  loadMsPerToken: 0,
  batchTokens: 1,
};
