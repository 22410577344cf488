import { useState } from 'preact/hooks';
import { formatBytes, formatNumber } from '../format.ts';
import { type Opening, type Outcome, savedMs } from './progress.ts';

/** llama.cpp with SmolLM2-135M on two cores; a person puts the speed of their own engine. */
const PREFILL_TOKENS_PER_SECOND = 350;

/** What opening cost and saved, and whether the planes are the ones that another decoder got. */
export function OutcomeView({ opening, outcome }: { opening: Opening; outcome: Outcome }) {
  const [speed, setSpeed] = useState(PREFILL_TOKENS_PER_SECOND);
  const [expected, setExpected] = useState('');
  const { tokenCount, chunks } = opening;
  const saved = savedMs(opening, outcome, speed);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.arrivedBytes, 0);
  const decodeMs = chunks.reduce((sum, { decode }) => sum + (typeof decode === 'object' ? decode.ms : 0), 0);
  return (
    <>
      <dl class="facts">
        <dt>Opened in</dt>
        <dd>
          {seconds(outcome.totalMs)}, of which decoding {seconds(decodeMs)} and unpacking the model's profile{' '}
          {seconds(outcome.profileMs)}
        </dd>
        {outcome.deadlineMs !== null && (
          <>
            <dt>Deadline</dt>
            <dd>
              {seconds(outcome.deadlineMs)}:{' '}
              {outcome.totalMs <= outcome.deadlineMs
                ? 'met'
                : `missed by ${seconds(outcome.totalMs - outcome.deadlineMs)}`}
            </dd>
          </>
        )}
        <dt>Loaded</dt>
        <dd>
          {formatBytes(bytes)} instead of {formatBytes(outcome.planesBytes)} of fp16 planes
        </dd>
        <dt>Prefill instead</dt>
        <dd>
          {seconds((1000 * tokenCount) / speed)} for {formatNumber(tokenCount)} tokens at{' '}
          {formatNumber(speed)} tokens/s
        </dd>
        <dt>{saved >= 0 ? 'Time saved' : 'Time lost'}</dt>
        <dd>
          <b>{seconds(Math.abs(saved))}</b>
        </dd>
        <dt>SHA-256 of all planes</dt>
        <dd class="id">{outcome.planesSha256}</dd>
      </dl>
      <div class="line">
        <label for="speed">Prefill speed of your engine, tokens/s</label>
        <input
          id="speed"
          type="number"
          min="1"
          value={speed}
          onInput={({ currentTarget }) => setSpeed(Math.max(1, Number(currentTarget.value)))}
        />
      </div>
      <div class="line">
        <label for="expected">SHA-256 to compare with, from "kvedge context digest"</label>
        <input
          id="expected"
          class="id"
          autocomplete="off"
          spellcheck={false}
          value={expected}
          onInput={({ currentTarget }) => setExpected(currentTarget.value.trim().toLowerCase())}
        />
        <output for="expected">
          {expected === ''
            ? ''
            : expected === outcome.planesSha256
              ? 'The planes are the same.'
              : 'The planes differ.'}
        </output>
      </div>
    </>
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
