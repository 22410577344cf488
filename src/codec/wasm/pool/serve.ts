import type { Binding, BoundCoder } from '../../bound/binding.ts';
import { toCodecError } from '../../bound/errors.ts';
import { wasmBinding } from '../binding.ts';
import type { CoderSource, FromWorker, ToWorker } from './messages.ts';

/** The worker's side of the pool: returns what handles a message. */
export function serve(post: (message: FromWorker, transfer: ArrayBuffer[]) => void) {
  let binding: Binding | undefined;
  /** Each gives its coder, or throws why there is none. */
  const coders = new Map<number, () => BoundCoder>();
  return (message: ToWorker): void => {
    switch (message.type) {
      case 'start':
        binding = wasmBinding(message.module);
        post({ type: 'ready' }, []);
        return;
      case 'open':
        coders.set(message.coder, opened(binding as Binding, message.source));
        return;
      case 'close':
        release(coders.get(message.coder));
        coders.delete(message.coder);
        return;
      case 'decode':
        try {
          const coder = coders.get(message.coder) as () => BoundCoder;
          const planes = coder().decodeChunk(...message.args) as Uint16Array<ArrayBuffer>;
          post({ type: 'decoded', planes }, [planes.buffer]);
        } catch (error) {
          const { code, message } = toCodecError(error);
          post({ type: 'failed', code, message }, []);
        }
    }
  };
}

/** A failure is kept for the first decode, which has somebody to tell. */
function opened(binding: Binding, source: CoderSource): () => BoundCoder {
  try {
    const coder =
      source.kind === 'profile'
        ? binding.openProfile(source.file, source.maxMemoryBytes)
        : binding.openCachegen(source.fingerprint, source.shape, source.maxMemoryBytes);
    return () => coder;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function release(coder: (() => BoundCoder) | undefined): void {
  try {
    coder?.().release();
  } catch {
    // it was never open
  }
}
