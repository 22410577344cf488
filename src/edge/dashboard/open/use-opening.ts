import { useEffect, useRef, useState } from 'preact/hooks';
import type { DecoderMessage, OpenRequest } from './messages.ts';
import { advance, NOTHING_YET, type Opening } from './progress.ts';

const DECODER = '/dashboard/decoder.js';

/** The one script URL that the page makes, under the name that its policy allows (Trusted Types). */
function decoderUrl(): string {
  const { trustedTypes } = window as { trustedTypes?: TrustedTypePolicyFactory };
  const policy = trustedTypes?.createPolicy('kvedge-decoder', { createScriptURL: () => DECODER });
  return policy?.createScriptURL(DECODER) ?? DECODER;
}

interface TrustedTypePolicyFactory {
  createPolicy(
    name: string,
    rules: { createScriptURL(input: string): string },
  ): { createScriptURL(input: string): string };
}

let url: string | undefined;

/** Opens contexts in a Web Worker, one at a time: another request stops the one before. */
export function useOpening(): { opening: Opening | null; open(request: OpenRequest): void } {
  const [opening, setOpening] = useState<Opening | null>(null);
  const worker = useRef<Worker | null>(null);
  useEffect(() => () => worker.current?.terminate(), []);
  const open = (request: OpenRequest) => {
    worker.current?.terminate();
    url ??= decoderUrl();
    const decoder = new Worker(url, { type: 'module' });
    worker.current = decoder;
    setOpening(NOTHING_YET);
    decoder.onmessage = ({ data }: MessageEvent<DecoderMessage>) =>
      setOpening((before) => advance(before ?? NOTHING_YET, data));
    decoder.onerror = ({ message }) =>
      setOpening((before) => ({
        ...(before ?? NOTHING_YET),
        failure: `The decoder did not start: ${message}`,
      }));
    decoder.postMessage(request);
  };
  return { opening, open };
}
