/** Whether a model gives vectors of texts: by the names of Hugging Face's encoders, BertModel, XLMRobertaModel, BertForMaskedLM. */
export function isEncoder({ architecture }: { readonly architecture: string }): boolean {
  return /(?<!LMHead)Model$|MaskedLM$/.test(architecture);
}
