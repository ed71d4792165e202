import { hostScenario } from './scenario.ts';

hostScenario('bookworm');
