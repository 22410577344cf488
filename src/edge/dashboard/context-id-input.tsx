import type { InputHTMLAttributes } from 'preact';

/** Where a form asks for the id of a context; `id` is the one that is shown. Its label is for `context-id`. */
export function ContextIdInput({ id, ...about }: { id: string | null } & Omit<InputHTMLAttributes, 'id'>) {
  return (
    <input
      id="context-id"
      name="id"
      class="id"
      required
      pattern="\s*[0-9a-f]{64}\s*"
      title="64 digits of 0-9 and a-f"
      autocomplete="off"
      spellcheck={false}
      key={id}
      defaultValue={id ?? ''}
      {...about}
    />
  );
}
