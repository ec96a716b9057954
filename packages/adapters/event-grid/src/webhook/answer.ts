/** What a webhook answers: also Azure Functions' `HttpResponseInit`, and the second argument of `new Response(answer.body, answer)`. */
export interface WebhookAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: string;
}
