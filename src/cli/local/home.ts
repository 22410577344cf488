import path from 'node:path';
import { kvedgeHome } from '../../engine/llama/models.ts';

/** Folders below KVEDGE_HOME; docs/operations.md lists them. */
export function homeFolders(home = kvedgeHome()) {
  return {
    home,
    edge: path.join(home, 'edge'),
    profiles: path.join(home, 'profiles'),
    profileCache: path.join(home, 'cache', 'profiles'),
  };
}

export const DEFAULT_EDGE_PORT = 8787;
export const DEFAULT_ORIGIN_PORT = 8788;

export function defaultEdgeUrl(): string {
  return process.env.KVEDGE_EDGE || `http://127.0.0.1:${DEFAULT_EDGE_PORT}`;
}
