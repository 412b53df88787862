// Compiled, never run: what a caller writes with the generated types, in both versions of the document.
import type { components, operations, paths, webhooks } from './openapi.d.ts'
import type { paths as older } from './openapi-3.0.d.ts'

type Body<O extends keyof operations> = operations[O] extends { requestBody: { content: { 'application/json': infer B } } } ? B : never

export const customer: Body<'createCustomer'> = { name: 'Garage Dupont', kind: 'business' }
// @ts-expect-error a customer has a name
export const nameless: Body<'createCustomer'> = { kind: 'business' }
// @ts-expect-error no such kind
export const unkind: Body<'createCustomer'> = { name: 'Garage Dupont', kind: 'garage' }

export function owed(invoice: components['schemas']['InvoiceView']): number {
  return invoice.total
}

export function told(event: webhooks['invoice.created']['post']['requestBody']['content']['application/json']): string {
  const type: 'invoice.created' = event.type
  return type
}

// The older document allows what the newer allows.
export type Same = paths['/v1/customers']['post']['requestBody']['content']['application/json']
export function still(body: Same): older['/v1/customers']['post']['requestBody']['content']['application/json'] {
  return body
}
