/** One difference between what the declared topics and subscriptions need and what the broker has. */
export interface TopologyStep {
  /** `refuse`: it exists and cannot be made right in place; an operator must decide. `delete` only where pruning was asked for. */
  readonly action: "create" | "update" | "delete" | "refuse";
  /** In the broker's own words: queue, topic, subscription, consumer group, … */
  readonly entity: string;
  /** Physical, as the broker's portal shows it. */
  readonly name: string;
  /** One sentence for people: what it is for and what changes, or why it cannot be done. No secrets. */
  readonly detail: string;
  /** Does it. Fine when somebody else was faster. Absent only for `refuse`. */
  apply?(signal: AbortSignal): Promise<void>;
}

/** Plans and makes the entities that an adapter's declared subscriptions need. The operators' door: sending and receiving never use it. */
export interface Topology {
  /**
   * The steps that are missing, in the order in which they must be applied; `[]` when the broker has all. Changes nothing. With `prune` also
   * deletes of entities that carry this adapter's naming (its prefix and separator) and that nothing declares; never those of others.
   */
  plan(options: { readonly prune: boolean; readonly signal: AbortSignal }): Promise<readonly TopologyStep[]>;
}
