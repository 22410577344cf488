import { ContextIdInput } from '../context-id-input.tsx';
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
        <ContextIdInput id={id} />
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
