import { hostScenario } from './scenario.ts';

hostScenario('trixie');
