import type { DecodeArguments } from '../../bound/binding.ts';

/** What a coder is made from, in a worker once more. */
export type CoderSource =
  | { kind: 'profile'; file: Uint8Array; maxMemoryBytes: number | undefined }
  | {
      kind: 'cachegen';
      fingerprint: Uint8Array;
      shape: Uint16Array;
      maxMemoryBytes: number | undefined;
    };

/** To a worker, which handles one message after the other. Coders go by a number. */
export type ToWorker =
  | { type: 'start'; module: WebAssembly.Module }
  | { type: 'open'; coder: number; source: CoderSource }
  | { type: 'close'; coder: number }
  | { type: 'decode'; coder: number; args: DecodeArguments };

/** From a worker: `ready` once, then one answer to each `decode`. */
export type FromWorker =
  | { type: 'ready' }
  | { type: 'decoded'; planes: Uint16Array<ArrayBuffer> }
  | { type: 'failed'; code: string | undefined; message: string };
