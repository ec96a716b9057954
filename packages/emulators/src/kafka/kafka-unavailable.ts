/** This machine cannot run a broker: no Java, no Maven, no download. A test suite is skipped for this reason, and for no other. */
export class KafkaUnavailable extends Error {
  override readonly name = "KafkaUnavailable";
}
