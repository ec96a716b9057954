import { didYouMean } from "./did-you-mean.ts";
import { type Document, leaves } from "./document.ts";
import { isPlainObject } from "./plain-object.ts";

/** What the schema cannot see: parts of the document that do not fit each other. The document itself is valid. */
export function contradictionsIn(document: Document): string[] {
  const brokers = Object.keys(document.brokers as Document);
  const topics = Object.entries((document.topics ?? {}) as Record<string, Document>);
  const problems = [...twins(document)];
  if (brokers.length === 0) problems.push("brokers names no broker");
  for (const [topic, { broker, subscriptions }] of topics) {
    const path = `topics.${topic}`;
    const named = (where: string, name: unknown) => {
      if (typeof name !== "string" || brokers.includes(name)) return;
      const meant = didYouMean(name, brokers);
      problems.push(
        `${where} names a broker that is not there${meant ? `; did you mean ${meant}?` : `; there is ${brokers.join(", ")}`}`,
      );
    };
    named(`${path}.broker`, broker);
    for (const [subscription, settings] of Object.entries(isPlainObject(subscriptions) ? subscriptions : {}))
      if (isPlainObject(settings)) named(`${path}.subscriptions.${subscription}.retryBroker`, settings.retryBroker);
    if (broker === undefined && brokers.length > 1) {
      problems.push(`${path}.broker is missing; name one of ${brokers.join(", ")}`);
    }
    if (topic.includes("*") && isPlainObject(subscriptions) && Object.keys(subscriptions).length > 0) {
      problems.push(`${path}.subscriptions stands at a pattern; list subscriptions at a topic's full name`);
    }
  }
  if (document.relay !== undefined && document.outbox === undefined) {
    problems.push("relay has settings, but there is no outbox that it could read");
  }
  return problems;
}

/** `lease` and `leaseMs` side by side. */
function* twins(document: Document): Generator<string> {
  const paths = new Set([...leaves(document)].map(({ path }) => path));
  for (const path of paths) {
    if (paths.has(`${path}Ms`)) yield `${path} and ${path}Ms stand side by side; keep one of them`;
  }
}
