/** Where the events go that a subscription gave up, unless the broker has its own place or the subscription names another. */
export function deadTopic(topic: string, subscription: string): string {
  return `${topic}/${subscription}/dead`;
}

/** What reaches one subscription alone. */
export function ownTopic(topic: string, subscription: string): string {
  return `${topic}/${subscription}`;
}
