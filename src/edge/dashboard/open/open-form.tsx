import type { OpenRequest } from './messages.ts';

interface Props {
  id: string | null;
  onOpen: (request: OpenRequest) => void;
}

export function OpenForm({ id, onOpen }: Props) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name)).trim();
    onOpen({ id: text('id'), level: text('level') || null, token: text('token') || null });
  };
  return (
    <form onSubmit={submit}>
      <div class="line">
        <label for="context-id">Context id</label>
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
        />
      </div>
      <div class="line">
        <label for="level">Level</label>
        <input id="level" name="level" autocomplete="off" placeholder="standard" spellcheck={false} />
        <label for="token">Token, for a private context</label>
        <input id="token" name="token" type="password" autocomplete="off" />
        <button type="submit">Open</button>
      </div>
    </form>
  );
}
