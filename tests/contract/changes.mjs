// What changed between two OpenAPI documents, as lines of a changelog, and which of it breaks a caller.
//
//   node changes.mjs OLD NEW [ACCEPTED]    prints the lines; fails on a breaking one that ACCEPTED does not list
//   node changes.mjs --self-test           plants every kind of change in a small document and expects each to be judged
//
// api-smart-diff finds the differences; the judgement follows GitHub's list of breaking changes, with one more: requests refuse what they do not
// know, so a field or parameter that is no longer taken breaks its senders. What is not known to be harmless counts as breaking.
import { readFileSync } from 'node:fs'
import { apiCompare } from 'api-smart-diff'

const METHODS = ['get', 'put', 'post', 'patch', 'delete']
const SILENT = ['description', 'summary', 'title', 'example', 'examples', 'tags', 'operationId', 'x-groups']
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']

/** The document as the comparison wants it: lists that are sets become maps, webhooks become answers, problems (the same everywhere) leave. */
function prepared(document) {
  const paths = {}
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    paths[path] = {}
    for (const method of METHODS.filter(method => item[method])) paths[path][method] = operation(item[method])
  }
  for (const [name, item] of Object.entries(document.webhooks ?? {})) {
    const content = item.post?.requestBody?.content ?? {}
    paths[`/webhook ${name}`] = { post: operation({ operationId: item.post?.operationId, responses: { 200: { content } } }) }
  }
  const schemas = {}
  for (const [name, shape] of Object.entries(document.components?.schemas ?? {})) schemas[name] = sets(shape)
  return { openapi: '3.0.3', info: { title: '', version: '' }, paths, components: { schemas } }
}

function operation(of) {
  const parameters = {}
  for (const one of of.parameters ?? []) parameters[`${one.in} ${one.name}`] = { ...sets(one), required: one.required ? 'yes' : 'no' }
  const responses = {}
  for (const [status, answer] of Object.entries(of.responses ?? {})) if (status.startsWith('2')) responses[status] = { content: sets(answer.content ?? {}) }
  const scopes = Object.fromEntries((of.security ?? []).flatMap(way => Object.entries(way)).map(([way, of]) => [way, of.join(' ')]))
  const body = of.requestBody && { content: sets(of.requestBody.content), required: of.requestBody.required ? 'yes' : 'no' }
  return { 'x-parameters': parameters, ...(body && { requestBody: body }), responses, 'x-security': scopes, 'x-deprecated': of.deprecated ? 'yes' : 'no' }
}

/** `required`, `enum` and lists of types as maps, so that order means nothing; references stay. */
function sets(value, isName = false) {
  if (Array.isArray(value)) return value.map(one => sets(one))
  if (value === null || typeof value !== 'object') return value
  const out = {}
  for (const [key, inner] of Object.entries(value)) {
    if (isName) out[key] = sets(inner)
    else if (key === 'properties') out[key] = sets(inner, true)
    else if (key === 'required' && Array.isArray(inner)) out['x-required'] = Object.fromEntries(inner.map(name => [name, 'yes']))
    else if (key === 'enum') out['x-values'] = Object.fromEntries(inner.map(one => [String(one), 'yes']))
    else if (key === 'const') out['x-values'] = { [String(inner)]: 'yes' }
    else if (key === 'type') out['x-types'] = Object.fromEntries([inner].flat().map(one => [one, 'yes']))
    else if (!SILENT.includes(key)) out[key] = sets(inner)
  }
  return out
}

/** One line for each change, each once, the breaking ones first. */
export function changes(before, after) {
  const lines = new Map()
  const tell = (place, what, breaks) => lines.set(`${place}: ${what}`, breaks || lines.get(`${place}: ${what}`) || false)
  // The shapes are judged where they are used: there alone it is known who writes them and who reads them.
  for (const diff of apiCompare(prepared(before), prepared(after)).diffs) if (diff.path[0] === 'paths') judge(diff, tell)
  return [...lines].map(([line, breaks]) => ({ line, breaks })).sort((a, b) => b.breaks - a.breaks || a.line.localeCompare(b.line))
}

function judge({ path, action, before, after }, tell) {
  const [, route, method, part, ...rest] = path
  const isEvent = route.startsWith('/webhook ')
  const name = isEvent ? `event ${route.slice(9)}` : method ? `${method.toUpperCase()} ${route}` : route
  if (!method || !part) {
    const names = method ? [name] : Object.keys(before ?? after ?? {}).map(method => (isEvent ? name : `${method.toUpperCase()} ${route}`))
    for (const one of names) tell(one, { add: 'new', remove: 'removed', rename: 'moved' }[action] ?? 'changed', action !== 'add')
    return
  }
  if (part === 'x-security') return tell(name, `asks for ${after ?? 'nothing'} instead of ${before ?? 'nothing'}`, true)
  if (part === 'x-deprecated') return tell(name, after === 'yes' ? 'deprecated' : 'no longer deprecated', false)
  const asked = part !== 'responses'
  const place = `${name}, ${part === 'x-parameters' ? 'parameter' : part === 'requestBody' ? 'body' : 'answer'}`
  const key = String(path.at(-1))
  const within = String(path.at(-2))
  const of = field(part, rest)
  const spot = of ? `${place} \`${of}\`` : place

  if (part === 'x-parameters' && rest.length === 1) {
    const required = (after ?? before)?.required === 'yes'
    return action === 'add'
      ? tell(place, `\`${key}\` is new${required ? ' and required' : ''}`, required)
      : tell(place, `\`${key}\` is no longer taken`, true)
  }
  if (part === 'requestBody' && rest.length === 0) {
    return tell(name, action === 'add' ? 'takes a body' : 'takes no body any more', action !== 'add' || after.required === 'yes')
  }
  if (key === 'required') return tell(spot, after === 'yes' ? 'is now required' : 'is no longer required', after === 'yes')
  if (part === 'responses' && rest.length === 1) return tell(place, `${key} is ${action === 'add' ? 'new' : 'never given any more'}`, action !== 'add')
  if (within === 'properties') {
    if (action === 'add') return tell(place, `field \`${of}\` is new`, false) // Whether it is required is a change of its own.
    return tell(place, `field \`${of}\` is ${asked ? 'no longer taken' : 'no longer given'}`, true)
  }
  if (within === 'x-required' || key === 'x-required') {
    for (const one of within === 'x-required' ? [key] : Object.keys(after ?? before ?? {})) {
      const spelled = [of, one].filter(Boolean).join('.')
      tell(place, `field \`${spelled}\` is ${action === 'add' ? 'now' : 'no longer'} ${asked ? 'required' : 'always given'}`, asked === (action === 'add'))
    }
    return
  }
  if (within === 'x-values' || key === 'x-values') {
    const all = within === 'x-values' ? [key] : Object.keys(after ?? before ?? {})
    if (key === 'x-values') return tell(spot, `${action === 'add' ? 'only takes' : 'takes more than'} ${all.join(', ')}`, asked === (action === 'add'))
    return tell(spot, `value \`${key}\` is ${action === 'add' ? 'new' : 'gone'}`, asked && action !== 'add')
  }
  if (within === 'x-types' || key === 'x-types') {
    const all = within === 'x-types' ? [key] : Object.keys(after ?? before ?? {})
    return tell(spot, `${action === 'add' ? 'may be' : 'is no longer'} ${all.join(', ')}`, asked ? action !== 'add' : action === 'add')
  }
  if (LOWER.includes(key) || UPPER.includes(key)) {
    const narrower = after !== undefined && (before === undefined || (LOWER.includes(key) ? after > before : after < before))
    return tell(spot, `\`${key}\` is ${after ?? 'gone'}${before === undefined ? '' : `, was ${before}`}`, asked && narrower)
  }
  if (['pattern', 'format', 'propertyNames', 'uniqueItems', 'multipleOf'].includes(key)) {
    return tell(spot, `\`${key}\` is ${JSON.stringify(after) ?? 'gone'}${before === undefined ? '' : `, was ${JSON.stringify(before)}`}`, asked && after !== undefined)
  }
  if (key === 'default') return tell(spot, `default is ${JSON.stringify(after) ?? 'gone'}, was ${JSON.stringify(before) ?? 'none'}`, true)
  if (['oneOf', 'anyOf'].includes(within) || ['oneOf', 'anyOf'].includes(key)) {
    return tell(spot, `an alternative is ${{ add: 'new', remove: 'gone' }[action] ?? 'another'}`, asked ? action !== 'add' : false)
  }
  tell(spot, `\`${key}\` is another`, true)
}

/** The field that a path leads to: `contacts[].email`. */
function field(part, rest) {
  const out = []
  for (let at = 0; at < rest.length; at += 1) {
    if (part === 'x-parameters' && at === 0) out.push(String(rest[0]).split(' ')[1])
    else if (rest[at - 1] === 'properties') out.push(String(rest[at]))
    else if (rest[at] === 'items' && out.length && rest[at - 1] !== 'properties') out.push(`${out.pop()}[]`)
  }
  return out.join('.')
}

const shape = (fields, more = {}) => ({ type: 'object', properties: fields, ...more })
const text = { type: 'string', maxLength: 10 }

/** Changes planted in a small document, and what is to be said of each; `!` breaks. */
const PLANTED = [
  ['! GET /a: removed', d => delete d.paths['/a'].get],
  ['POST /b: new', d => (d.paths['/b'] = { post: { responses: {} } })],
  ['! POST /a, parameter: `query b` is new and required', d => d.paths['/a'].post.parameters.push({ name: 'b', in: 'query', required: true, schema: text })],
  ['POST /a, parameter: `query b` is new', d => d.paths['/a'].post.parameters.push({ name: 'b', in: 'query', schema: text })],
  ['! POST /a, parameter: `query a` is no longer taken', d => d.paths['/a'].post.parameters.pop()],
  ['! POST /a, parameter `a`: is now required', d => (d.paths['/a'].post.parameters[0].required = true)],
  ['! POST /a, parameter `a`: `maxLength` is 5, was 10', d => (d.paths['/a'].post.parameters[0].schema = { ...text, maxLength: 5 })],
  ['! POST /a, body: field `kind` is no longer taken', d => delete d.components.schemas.New.properties.kind],
  ['POST /a, body: field `more` is new', d => (d.components.schemas.New.properties.more = text)],
  ['! POST /a, body: field `name` is now required', d => (d.components.schemas.New.required = ['kind', 'name'])],
  ['POST /a, body: field `kind` is no longer required', d => (d.components.schemas.New.required = [])],
  ['! POST /a, body `kind`: value `y` is gone', d => (d.components.schemas.New.properties.kind.enum = ['x'])],
  ['POST /a, body `kind`: value `z` is new', d => (d.components.schemas.New.properties.kind.enum = ['z', 'x', 'y'])],
  ['! POST /a, body `name`: `maxLength` is 9, was 10', d => (d.components.schemas.New.properties.name.maxLength = 9)],
  ['POST /a, body `name`: `maxLength` is 11, was 10', d => (d.components.schemas.New.properties.name.maxLength = 11)],
  ['! POST /a, body `name`: `minLength` is 1', d => (d.components.schemas.New.properties.name.minLength = 1)],
  ['! POST /a, body `name`: `pattern` is "^a"', d => (d.components.schemas.New.properties.name.pattern = '^a')],
  ['! POST /a, body `name`: is no longer null', d => (d.components.schemas.New.properties.name.type = ['string'])],
  ['! POST /a, body `list[]`: `maxLength` is 5, was 10', d => (d.components.schemas.New.properties.list.items = { ...text, maxLength: 5 })],
  ['! POST /a, body `flag`: default is false, was true', d => (d.components.schemas.New.properties.flag.default = false)],
  ['! GET /a, answer: field `name` is no longer given', d => delete d.components.schemas.Thing.properties.name],
  ['GET /a, answer: field `more` is new', d => (d.components.schemas.Thing.properties.more = text)],
  ['! GET /a, answer: field `name` is no longer always given', d => (d.components.schemas.Thing.required = [])],
  ['! GET /a, answer `name`: may be null', d => (d.components.schemas.Thing.properties.name.type = ['string', 'null'])],
  ['GET /a, answer `state`: value `lost` is new', d => d.components.schemas.Thing.properties.state.enum.push('lost')],
  ['GET /a, answer `name`: `maxLength` is 20, was 10', d => (d.components.schemas.Thing.properties.name.maxLength = 20)],
  ['! GET /a: asks for a:write instead of a:read', d => (d.paths['/a'].get.security = [{ key: ['a:write'] }])],
  ['GET /a: deprecated', d => (d.paths['/a'].get.deprecated = true)],
  ['! event a.b: removed', d => delete d.webhooks['a.b']],
  ['! event a.b, answer: field `name` is no longer given', d => delete d.components.schemas.Event.properties.name],
  ['', d => (d.components.schemas.New.properties.name.description = 'Other words.')],
  ['', d => d.components.schemas.New.properties.kind.enum.reverse()],
]

function small() {
  const ref = name => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } })
  return structuredClone({
    paths: {
      '/a': {
        get: { security: [{ key: ['a:read'] }], responses: { 200: { description: '', content: ref('Thing') } } },
        post: { parameters: [{ name: 'a', in: 'query', schema: text }], requestBody: { required: true, content: ref('New') }, responses: { 201: { description: '' } } },
      },
    },
    webhooks: { 'a.b': { post: { requestBody: { content: ref('Event') } } } },
    components: {
      schemas: {
        Thing: shape({ name: { ...text }, state: { enum: ['open', 'paid'] } }, { required: ['name'] }),
        Event: shape({ name: text }),
        New: shape({ name: { type: ['string', 'null'], maxLength: 10 }, kind: { enum: ['x', 'y'] }, list: { type: 'array', items: text }, flag: { type: 'boolean', default: true } }, { required: ['kind'] }),
      },
    },
  })
}

function selfTest() {
  let wrong = 0
  for (const [expected, plant] of PLANTED) {
    const planted = small()
    plant(planted)
    const found = changes(small(), planted).map(({ line, breaks }) => (breaks ? `! ${line}` : line))
    // What is required of a field that is gone, or new, may be said as well.
    if (expected ? !found.includes(expected) || found.some(line => line.startsWith('!') && !expected.startsWith('!')) : found.length) {
      console.error(`expected ${expected || 'nothing'}\n   found ${found.join('\n         ') || 'nothing'}`)
      wrong += 1
    }
  }
  console.log(`${PLANTED.length - wrong} of ${PLANTED.length} planted changes judged as expected`)
  return wrong
}

function main([old, young, accepted]) {
  if (old === '--self-test') return selfTest()
  const read = file => JSON.parse(readFileSync(file, 'utf8'))
  const known = accepted ? readFileSync(accepted, 'utf8').split('\n') : []
  const all = changes(read(old), read(young))
  const [breaking, harmless] = [all.filter(one => one.breaks), all.filter(one => !one.breaks)]
  for (const [heading, lines] of [['Breaking', breaking], ['Changed', harmless]]) {
    if (lines.length) console.log(`### ${heading}\n\n${lines.map(({ line }) => `- ${line}`).join('\n')}\n`)
  }
  const refused = breaking.filter(({ line }) => !known.includes(`- ${line}`))
  if (refused.length) console.error(`${refused.length} changes break callers of the last release`)
  return refused.length
}

process.exitCode = main(process.argv.slice(2)) ? 1 : 0
