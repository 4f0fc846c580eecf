import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';
import type { WeightStore } from './weights-file.ts';

/** Name of a tensor in the graph. */
export type Value = string & { readonly brand?: 'onnx value' };
/** A number is a fixed size; a string names a size that is known at run time only, such as the batch. */
export type Dimension = number | string;
type AttributeValue = number | readonly number[] | string | { readonly float: number };

const ELEMENT_TYPES = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** ai.onnx version whose operators the graphs use; ONNX Runtime's own operators are version 1 of com.microsoft. */
const OPSET_VERSION = 21n;
const IR_VERSION = 10n;
const RUNTIME_DOMAIN = 'com.microsoft';

// TensorProto.DataLocation and AttributeProto.AttributeType of the ONNX schema.
const EXTERNAL_DATA = 1;
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** Collects nodes, inputs, outputs and weights, and writes them as one ONNX model. */
export class GraphBuilder {
  readonly #weights: WeightStore;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  #valueCount = 0;

  constructor(weights: WeightStore) {
    this.#weights = weights;
  }

  get nodeCount(): number {
    return this.#nodes.length;
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Declares a graph output called `name` with the value's contents. */
  output(name: string, value: Value, type: ElementType, shape: readonly Dimension[]): void {
    this.#push('Identity', [value], [name], {}, '');
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** Adds an operator of ai.onnx with one output. */
  op(type: string, inputs: readonly Value[], attributes: Record<string, AttributeValue> = {}): Value {
    return this.#node(type, inputs, attributes, '', 1)[0]!;
  }

  /** Adds an operator of ai.onnx with several outputs. */
  ops(
    type: string,
    inputs: readonly Value[],
    attributes: Record<string, AttributeValue>,
    outputCount: number,
  ): Value[] {
    return this.#node(type, inputs, attributes, '', outputCount);
  }

  /** Adds an operator that ONNX Runtime has beyond ai.onnx, with one output. */
  runtimeOp(type: string, inputs: readonly Value[], attributes: Record<string, AttributeValue> = {}): Value {
    return this.#node(type, inputs, attributes, RUNTIME_DOMAIN, 1)[0]!;
  }

  /**
   * A weight kept in the weights file. The same name gives the same tensor, which is produced and written once.
   *
   * @param produce gives the values, row-major; called only when the file does not hold the name yet.
   */
  weight(name: string, shape: readonly number[], produce: () => Float32Array): Value {
    if (!this.#initializers.has(name)) {
      const { location, offsetBytes, lengthBytes } = this.#weights.add(name, shape, produce);
      const externalData = [
        { key: 'location', value: location },
        { key: 'offset', value: String(offsetBytes) },
        { key: 'length', value: String(lengthBytes) },
      ];
      const dims = shape.map(BigInt);
      const dataType = ELEMENT_TYPES.float32;
      this.#initializers.set(
        name,
        create(TensorProtoSchema, { name, dims, dataType, externalData, dataLocation: EXTERNAL_DATA }),
      );
    }
    return name;
  }

  /** A small int64 constant inside the graph; one-dimensional unless a shape is given. */
  int64s(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant('int64', `i64_${values.join('_')}`, shape, bytes);
  }

  /** A small f32 constant inside the graph. */
  floats(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    return this.#constant(
      'float32',
      `f32_${values.join('_')}`,
      shape,
      new Uint8Array(Float32Array.from(values).buffer),
    );
  }

  /** @returns the model as the bytes of an .onnx file. */
  build(graphName: string): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'parley',
      opsetImport: [
        { domain: '', version: OPSET_VERSION },
        { domain: RUNTIME_DOMAIN, version: 1n },
      ],
      graph: {
        name: graphName,
        node: this.#nodes,
        initializer: [...this.#initializers.values()],
        input: this.#inputs,
        output: this.#outputs,
      },
    });
    return toBinary(ModelProtoSchema, model);
  }

  #constant(type: 'int64' | 'float32', stem: string, shape: readonly number[], rawData: Uint8Array): Value {
    const name = `${stem}__${shape.join('x')}`;
    if (!this.#initializers.has(name)) {
      const dims = shape.map(BigInt);
      this.#initializers.set(name, create(TensorProtoSchema, { name, dims, dataType: ELEMENT_TYPES[type], rawData }));
    }
    return name;
  }

  #node(
    type: string,
    inputs: readonly Value[],
    attributes: Record<string, AttributeValue>,
    domain: string,
    outputCount: number,
  ): Value[] {
    const outputs = Array.from({ length: outputCount }, () => `v${this.#valueCount++}`);
    this.#push(type, inputs, outputs, attributes, domain);
    return outputs;
  }

  #push(
    opType: string,
    input: readonly Value[],
    output: Value[],
    attributes: Record<string, AttributeValue>,
    domain: string,
  ): void {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value));
    const name = `${opType}_${this.#nodes.length}`;
    this.#nodes.push(create(NodeProtoSchema, { name, opType, domain, input: [...input], output, attribute }));
  }
}

function attributeProto(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPES.int, i: BigInt(value) });
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPES.string, s: new TextEncoder().encode(value) });
  }
  if ('float' in value) return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPES.float, f: value.float });
  return create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPES.ints, ints: value.map(BigInt) });
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]): ValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: BigInt(size) } : { dimParam: size }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { tensorType: { elemType: ELEMENT_TYPES[type], shape: { dim } } },
  });
}
