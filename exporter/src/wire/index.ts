export type * from './evaluation.ts';
export type * from './incident.ts';
export type * from './model.ts';
export type * from './status.ts';
export type * from './topology.ts';
