import type { AcceptedEvent } from "../events/accepted-event.ts";
import { configProblem } from "../problem.ts";
import { type AdvancedFilter, checkAdvancedFilters, matchesAdvanced } from "./advanced-filter.ts";

/** ARM's `filter`. What is left out lets everything through. */
export interface EventFilter {
  /** Compared without case, as the service does. "All" stands for every type. */
  readonly includedEventTypes?: readonly string[] | undefined;
  readonly subjectBeginsWith?: string | undefined;
  readonly subjectEndsWith?: string | undefined;
  /** Default false. */
  readonly isSubjectCaseSensitive?: boolean | undefined;
  /** Every one must match; at most 25, with at most 25 values together. */
  readonly advancedFilters?: readonly AdvancedFilter[] | undefined;
  /** Looks into arrays of plain values. Default false: an array then counts as a value of the wrong type. */
  readonly enableAdvancedFilteringOnArrays?: boolean | undefined;
}

/** Throws when the service would refuse to create it. */
export function checkFilter(filter: EventFilter): void {
  if (filter.includedEventTypes?.length === 0)
    throw configProblem("includedEventTypes must name a type, or be left out.");
  checkAdvancedFilters(filter.advancedFilters ?? []);
}

export function matches(filter: EventFilter, event: AcceptedEvent): boolean {
  const { attributes, schema } = event;
  const type = String(schema === "EventGridSchema" ? attributes.eventType : attributes.type).toLowerCase();
  const types = filter.includedEventTypes;
  if (types !== undefined && !types.some((one) => one.toLowerCase() === type || one.toLowerCase() === "all"))
    return false;
  const fold = (text: string) => (filter.isSubjectCaseSensitive === true ? text : text.toLowerCase());
  const subject = fold(typeof attributes.subject === "string" ? attributes.subject : "");
  if (!subject.startsWith(fold(filter.subjectBeginsWith ?? ""))) return false;
  if (!subject.endsWith(fold(filter.subjectEndsWith ?? ""))) return false;
  const inArrays = filter.enableAdvancedFilteringOnArrays === true;
  return (filter.advancedFilters ?? []).every((advanced) => matchesAdvanced(advanced, event, inArrays));
}
