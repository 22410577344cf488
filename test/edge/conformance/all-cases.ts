import type { HttpCase } from './case.ts';
import { conditionalCases } from './rfc9110-conditional.ts';
import { messageCases } from './rfc9110-message.ts';
import { rangeCases } from './rfc9110-range.ts';
import { cachingCases } from './rfc9111-caching.ts';
import { cacheStatusCases } from './rfc9211-cache-status.ts';
import { digestCases } from './rfc9530-digest.ts';

/** Cases that any server of static objects can be judged by. */
export const GENERAL: Record<string, HttpCase[]> = {
  'RFC 9110, messages': messageCases,
  'RFC 9110, ranges': rangeCases,
  'RFC 9110, conditions': conditionalCases,
  'RFC 9111': cachingCases,
};

/** And those about fields that only this Worker has. */
export const ALL: Record<string, HttpCase[]> = {
  ...GENERAL,
  'RFC 9530': digestCases,
  'RFC 9211': cacheStatusCases,
};
