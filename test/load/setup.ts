/** `npm run load:setup`: the load tester, Locust, in a virtual environment of its own. */
import { locust } from './locust.ts';

if (locust() === null) {
  console.error(
    'The load tester needs Python 3.10 or later with venv ("apt-get install python3-venv"), and PyPI.',
  );
  process.exitCode = 1;
}
