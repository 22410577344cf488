import { useEffect, useState } from 'preact/hooks';
import type { JobEvent, JobStatus } from '../../protocol/api.ts';
import { eventsUrl } from './api.ts';
import { formatNumber } from './format.ts';
import { doneShare, type JobState, jobAfter, jobBefore } from './job-state.ts';

interface Props {
  id: string;
  status: JobStatus;
  onPublished: () => void;
}

const EVENT_TYPES: readonly JobEvent['type'][] = ['tokenized', 'prefilled', 'chunk', 'published', 'failed'];

/** Follows a job by its Server-Sent Events. */
export function JobProgress({ id, status, onPublished }: Props) {
  const [job, setJob] = useState<JobState>(jobBefore(status));
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    const source = new EventSource(eventsUrl(id));
    source.onopen = () => setConnected(true);
    source.onerror = () => setConnected(false); // the browser connects again by itself
    for (const type of EVENT_TYPES) {
      source.addEventListener(type, ({ data }) => {
        const event = JSON.parse(data) as JobEvent;
        setJob((before) => jobAfter(before, event));
        if (event.type === 'published' || event.type === 'failed') source.close();
        if (event.type === 'published') onPublished();
      });
    }
    return () => source.close();
  }, [id]);

  return (
    <div class="job">
      <h3 id="job-title">Being computed</h3>
      <p>
        <bdi>{status.model}</bdi>
        {status.tokenCount !== null && `, ${formatNumber(status.tokenCount)} tokens`}
      </p>
      <progress aria-labelledby="job-title" max={1} value={doneShare(job)} />
      <p role="status">{job.message}</p>
      {!connected && !job.ended && <p role="alert">The connection was lost; trying again.</p>}
    </div>
  );
}
