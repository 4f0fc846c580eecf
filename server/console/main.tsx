import '@fontsource-variable/newsreader/wght.css';
import '@fontsource-variable/instrument-sans/wght.css';
import './style/tokens.css';
import './style/page.css';
import './style/panel.css';
import './style/controls.css';
import './style/transcript.css';
import './style/latency.css';
import { createRoot } from 'react-dom/client';
import { CallStore } from './call-store.ts';
import { Page } from './page.tsx';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(<Page store={new CallStore()} />);
