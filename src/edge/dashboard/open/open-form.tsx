import { useState } from 'preact/hooks';
import { ContextIdInput } from '../context-id-input.tsx';
import type { OpenRequest } from './messages.ts';
import { type FieldErrors, readFields } from './request.ts';

interface Props {
  id: string | null;
  onOpen: (request: OpenRequest) => void;
}

/** Ids of the inputs that are checked. */
const INPUTS: Record<keyof FieldErrors, string> = { id: 'context-id', deadline: 'deadline' };

export function OpenForm({ id, onOpen }: Props) {
  const [errors, setErrors] = useState<FieldErrors>({});
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    const text = (name: string) => String(data.get(name));
    const read = readFields({
      id: text('id'),
      level: text('level'),
      deadline: text('deadline'),
      token: text('token'),
    });
    if ('request' in read) {
      setErrors({});
      return onOpen(read.request);
    }
    setErrors(read.errors);
    const [first] = Object.keys(read.errors) as (keyof FieldErrors)[];
    form.querySelector<HTMLInputElement>(`#${INPUTS[first!]}`)?.focus();
  };
  /** Ties an input to what is wrong with it. */
  const about = (name: keyof FieldErrors) =>
    errors[name] === undefined ? {} : { 'aria-invalid': true, 'aria-describedby': `${INPUTS[name]}-error` };
  return (
    <form onSubmit={submit} noValidate>
      <div class="line">
        <label for={INPUTS.id}>Context id</label>
        <ContextIdInput id={id} {...about('id')} />
      </div>
      <div class="line">
        <label for="level">Level</label>
        <input id="level" name="level" autocomplete="off" placeholder="standard" spellcheck={false} />
        <label for={INPUTS.deadline}>or deadline, ms</label>
        <input
          id={INPUTS.deadline}
          name="deadline"
          class="short"
          inputMode="numeric"
          autocomplete="off"
          placeholder="none"
          {...about('deadline')}
        />
      </div>
      <div class="line">
        <label for="token">Token, for a private context</label>
        <input id="token" name="token" type="password" autocomplete="off" />
        <button type="submit">Open</button>
      </div>
      {(Object.entries(errors) as [keyof FieldErrors, string][]).map(([name, message]) => (
        <p key={name} id={`${INPUTS[name]}-error`} role="alert">
          {message}
        </p>
      ))}
    </form>
  );
}
