/** Prometheus text, made anew for every scrape. */
export interface MetricsSource {
  text(): Promise<string>;
}

/** Public: names of checks and how they went, nothing else. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, 'ok' | 'failed'>>;
}
