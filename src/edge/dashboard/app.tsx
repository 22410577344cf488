import { useEffect, useState } from 'preact/hooks';
import { ContextIdInput } from './context-id-input.tsx';
import { ContextView } from './context-view.tsx';
import { Contexts } from './contexts.tsx';
import { contextHash, selectedContext } from './selection.ts';
import { Traffic } from './traffic.tsx';

export function App() {
  const [id, setId] = useState(selectedContext(location.hash));
  useEffect(() => {
    const follow = () => {
      const selected = selectedContext(location.hash);
      if (selected !== null) setId(selected);
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  return (
    <>
      <header>
        <h1>kvedge</h1>
        <nav aria-label="Sections">
          <a href="#contexts">Contexts</a>
          <a href="#context">Context</a>
          <a href="#traffic">Traffic</a>
          <a href="/open">Open</a>
          <a href="/openapi.json">API</a>
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <Contexts selected={id} />
        <section id="context" aria-labelledby="context-title">
          <h2 id="context-title">Context</h2>
          <ContextForm id={id} />
          {id !== null && <ContextView key={id} id={id} />}
        </section>
        <Traffic />
      </main>
      <footer>
        <p>What this location shows is public; traffic needs a token.</p>
      </footer>
    </>
  );
}

function ContextForm({ id }: { id: string | null }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    location.hash = contextHash(String(form.get('id')).trim());
  };
  return (
    <form onSubmit={submit} class="line">
      <label for="context-id">Context id, published or being computed</label>
      <ContextIdInput id={id} />
      <button type="submit">Show</button>
    </form>
  );
}
