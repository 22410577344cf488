/** The Worker imports what this makes: outside of wrangler's own build it must be there first. */
export { buildDashboard as setup } from '../../src/edge/dashboard/build.ts';
