/** Everything that makes files of figures, as one thing to load: see collect/collect.ts. */
export { createGroupSums, publishGroup } from './group.ts';
export { leftOverPackages } from './left-over.ts';
export { publishPackage } from './package.ts';
