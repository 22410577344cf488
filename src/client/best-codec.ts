import type { Codec } from '../codec/codec.ts';
import { decoderThreads } from './decoder-threads.ts';

/** The fastest codec installed, loaded only when no other was given. */
export async function bestCodec(): Promise<Codec> {
  const { loadBestCodec } = await import('../codec/index.ts');
  return loadBestCodec({ threads: decoderThreads() });
}
