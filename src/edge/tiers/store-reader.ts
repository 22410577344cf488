import { ProblemError } from '../../protocol/problems.ts';
import type { ByteRange } from '../http/range.ts';
import { type BlobHead, storedHead } from './head.ts';

const RETRY_AFTER_SECONDS = 5;

/** R2 as the read path sees it. Every call throws `store-unreachable` when R2 fails. */
export class StoreReader {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async head(key: string): Promise<BlobHead | null> {
    const object = await reached(this.#bucket.head(key));
    return object === null ? null : storedHead(object);
  }

  /** Bytes of the object of `head`; null if it is gone, or another is stored by now. */
  async part(key: string, head: BlobHead, range: ByteRange): Promise<ReadableStream<Uint8Array> | null> {
    const object = await reached(this.#bucket.get(key, { range }));
    if (object === null) return null;
    if (storedHead(object).sha256 === head.sha256) return object.body;
    await object.body.cancel();
    return null;
  }

  whole(key: string): Promise<R2ObjectBody | null> {
    return reached(this.#bucket.get(key));
  }
}

async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw new ProblemError(
      'store-unreachable',
      'the object store did not answer',
      { 'retry-after': String(RETRY_AFTER_SECONDS) },
      { cause },
    );
  }
}
