import { createApp } from './app.ts';

export { MetricsHub } from './metrics/hub.ts';

export default createApp();
