/** Probes one target into its tally. `probe` is called once an interval and never blocks or throws for what a target does. */
export interface Prober {
  probe(): void;
  /** Ends what is running; resolves when it is gone. Safe to call twice, and without a `probe` before. */
  stop(): Promise<void>;
  /** Why this machine cannot probe at all, with a way out; undefined while it can. */
  blocked(): string | undefined;
}
