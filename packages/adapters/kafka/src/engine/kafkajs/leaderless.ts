import type { ChangeCall } from "./broker-calls.ts";

/** Of kafkajs's answer to a question for metadata. */
interface Metadata {
  readonly topicMetadata: readonly {
    readonly partitionMetadata: readonly Partition[];
  }[];
}
interface Partition {
  readonly partitionErrorCode: number;
  readonly leader: number;
}

const hasLeader = ({ leader }: Partition) => leader >= 0;

/**
 * By default kafkajs knows nothing of any topic that it asks for while a partition of one has no leader, and a producer asks for all of the cluster when it
 * begins. This one leaves such partitions out.
 */
export const leaveOutLeaderless: ChangeCall = ofTopics((partitions) => partitions.filter(hasLeader));

/** And this one counts them in. */
export const countLeaderless: ChangeCall = ofTopics((partitions) =>
  partitions.map((one) => (hasLeader(one) ? one : { ...one, partitionErrorCode: 0 })),
);

function ofTopics(change: (partitions: readonly Partition[]) => readonly Partition[]): ChangeCall {
  return (create) => (given) => {
    const { request, response } = create(given);
    const parse = (decoded: unknown) => {
      const { topicMetadata, ...rest } = decoded as Metadata;
      const topics = topicMetadata.map((topic) => ({ ...topic, partitionMetadata: change(topic.partitionMetadata) }));
      return response.parse({ ...rest, topicMetadata: topics });
    };
    return { request, response: { ...response, parse } };
  };
}
