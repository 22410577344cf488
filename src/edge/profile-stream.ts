import { toHex } from '../protocol/ids.ts';
import { ProblemError } from '../protocol/problems.ts';

/** magic, version, reserved, fileBytes: docs/format.md, section 4. */
const HEAD_BYTES = 12;
const MAGIC = 'KVEP';

export interface CheckedProfile {
  /** The same bytes, of known length; fails before its end if they are not acceptable. */
  stream: ReadableStream<Uint8Array>;
  /** After the stream has failed: why, if it was the content. */
  problem(): Promise<ProblemError | undefined>;
}

/**
 * Passes a profile file on to the store while it checks magic, version, fileBytes and that SHA-256 is `id`. A profile is larger
 * than a Worker's memory allows to parse; origin and client parse it, and the digest says that they see these bytes. When the
 * digest fails all bytes have been passed on, so the store must check it too (`putIfAbsent` does). Throws
 * `invalid-profile` at once if the body is too short for its first fields.
 */
export function checkProfileStream(
  body: ReadableStream<Uint8Array>,
  announced: number,
  id: string,
): CheckedProfile {
  if (announced < HEAD_BYTES) {
    throw new ProblemError('invalid-profile', `truncated: the body has only ${announced} bytes`);
  }
  let problem: ProblemError | undefined;
  const head = new Uint8Array(HEAD_BYTES);
  let seen = 0;
  const digest = new crypto.DigestStream('SHA-256');
  const writer = digest.getWriter();
  const refuse = (reason: ProblemError): never => {
    problem = reason;
    throw reason;
  };

  const check = new TransformStream<Uint8Array, Uint8Array>({
    async transform(part, controller) {
      if (seen < HEAD_BYTES) {
        head.set(part.subarray(0, HEAD_BYTES - seen), seen);
        if (seen + part.length >= HEAD_BYTES) checkHead(head, announced, refuse);
      }
      seen += part.length;
      await writer.write(part);
      controller.enqueue(part);
    },
    async flush() {
      await writer.close();
      const actual = toHex(new Uint8Array(await digest.digest));
      if (actual !== id) {
        refuse(
          new ProblemError('invalid-content', `the SHA-256 of the body is ${actual}, the path says ${id}`),
        );
      }
    },
  });

  const fixed = new FixedLengthStream(announced);
  // A failure of either pipe reaches the store through the stream, and `problem` tells why.
  const ignore = () => {};
  void body.pipeTo(check.writable).catch(ignore);
  const piped = check.readable.pipeTo(fixed.writable).catch(ignore);
  return {
    stream: fixed.readable,
    async problem() {
      await piped;
      return problem;
    },
  };
}

function checkHead(head: Uint8Array, announced: number, refuse: (reason: ProblemError) => never): void {
  const view = new DataView(head.buffer);
  const magic = String.fromCharCode(...head.subarray(0, 4));
  if (magic !== MAGIC) refuse(new ProblemError('invalid-profile', `bad-magic: expected ${MAGIC}`));
  const version = view.getUint16(4, true);
  const reserved = view.getUint16(6, true);
  if (version !== 1 || reserved !== 0) {
    refuse(
      new ProblemError('invalid-profile', `unsupported: version ${version}, reserved field ${reserved}`),
    );
  }
  const fileBytes = view.getUint32(8, true);
  if (fileBytes !== announced) {
    refuse(
      new ProblemError('invalid-profile', `truncated: fileBytes is ${fileBytes}, the body has ${announced}`),
    );
  }
}
