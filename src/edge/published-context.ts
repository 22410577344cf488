import type { ProblemError } from '../protocol/problems.ts';
import { readerTenant } from './auth.ts';
import { MANIFEST_POLICY, manifestRepresentation, missingContext } from './contexts.ts';
import type { Representation } from './http/representation.ts';
import { blobKey } from './keys.ts';
import { locate } from './locate.ts';
import type { Reading } from './reading.ts';
import type { ChooseRange, OpenedBlob } from './tiers/blobs.ts';

/** A context that this reader may see. */
export interface PublishedContext {
  /** Whose it is; `PUBLIC` for everybody's. */
  tenant: string;
  /** Of its manifest. */
  representation: Representation;
  /** What was asked for of its manifest. */
  body: OpenedBlob['body'];
  /** The problem to throw if something else of it is not there any more. */
  missing: () => Promise<ProblemError>;
}

/**
 * Opens the manifest, which makes a context visible, and invisible again: nothing else of it is shown without it. `choose` says which of
 * its bytes to read. Throws `context-not-found` and `context-gone`.
 */
export async function openPublished(
  { tiers, principal, env }: Pick<Reading, 'tiers' | 'principal' | 'env'>,
  id: string,
  choose: ChooseRange,
): Promise<PublishedContext> {
  const missing = () => missingContext(env.REGISTRY, id, readerTenant(principal));
  const found = await locate(tiers, principal, blobKey.manifest, id, MANIFEST_POLICY);
  if (found === null) throw await missing();
  let representation: Representation | undefined;
  const opened = await tiers.open(found.key, MANIFEST_POLICY, (head) => {
    representation = manifestRepresentation(id, head); // throws once it has expired
    return choose(head);
  });
  if (opened === null) throw await missing();
  return { tenant: found.tenant, representation: representation!, body: opened.body, missing };
}
