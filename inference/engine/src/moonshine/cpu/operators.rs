//! Operators of the decoder graph that ONNX Runtime calls (domain `verbatim`).

use std::sync::{Arc, Mutex};

use ort::operator::{
    BoxedKernel, ComputeContext, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
};
use ort::value::{TensorElementType, ValueRef};

use verbatim_models::moonshine::shape::HIDDEN;
use verbatim_models::onnx::OPERATOR_DOMAIN;

use crate::moonshine::cpu::decoder_cache::{DecoderCache, NoSuchRow};
use crate::moonshine::math;

/// Cache that the operators of one session share. Only the session's thread takes the lock.
pub(super) type SharedCache = Arc<Mutex<DecoderCache>>;

/// Operators that share one cache.
pub(super) fn domain(cache: &SharedCache) -> ort::Result<OperatorDomain> {
    OperatorDomain::new(OPERATOR_DOMAIN)?
        .add(QuantizeRows)?
        .add(Attention {
            name: "SelfAttention",
            width: 3 * HIDDEN,
            attend: DecoderCache::attend_own,
            cache: cache.clone(),
        })?
        .add(Attention {
            name: "CrossAttention",
            width: HIDDEN,
            attend: DecoderCache::attend_audio,
            cache: cache.clone(),
        })?
        .add(GreedyToken { cache: cache.clone() })
}

fn input<'a>(context: &'a ComputeContext, index: usize) -> ort::Result<ValueRef<'a>> {
    context.input(index)?.ok_or_else(|| ort::Error::new(format!("input {index} is missing")))
}

fn op_error(error: impl std::fmt::Display) -> ort::Error {
    ort::Error::new(error.to_string())
}

/// `x f32[B,N] -> bytes u8[B,N], scale f32[B,1]`.
struct QuantizeRows;

impl Operator for QuantizeRows {
    type Kernel<'attr> = BoxedKernel<'attr>;

    fn name(&self) -> &str {
        "QuantizeRows"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(TensorElementType::Float32)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [
            OperatorOutput::required(TensorElementType::Uint8),
            OperatorOutput::required(TensorElementType::Float32),
        ]
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        Ok(Box::new(|context: &ComputeContext| {
            let x = input(context, 0)?;
            let (shape, x) = x.try_extract_tensor::<f32>()?;
            let &[rows, width] = &shape[..] else { return Err(op_error("expected rows of floats")) };
            let mut bytes =
                context.output(0, [rows, width])?.ok_or_else(|| op_error("the output is missing"))?;
            let mut scale = context.output(1, [rows, 1])?.ok_or_else(|| op_error("the output is missing"))?;
            let (bytes, scale) =
                (bytes.try_extract_tensor_mut::<u8>()?.1, scale.try_extract_tensor_mut::<f32>()?.1);
            math::quantise_rows(x, width as usize, bytes, scale);
            Ok(())
        }))
    }
}

type Attend = fn(&mut DecoderCache, i64, usize, &[f32], &mut [f32]) -> Result<(), NoSuchRow>;

/// `x f32[B,width], rows i64[B] -> f32[B,HIDDEN]`, attribute `layer`.
struct Attention {
    name: &'static str,
    width: usize,
    attend: Attend,
    cache: SharedCache,
}

impl Operator for Attention {
    type Kernel<'attr> = BoxedKernel<'attr>;

    fn name(&self) -> &str {
        self.name
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(TensorElementType::Float32),
            OperatorInput::required(TensorElementType::Int64),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, attributes: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        let layer: i64 = attributes.get("layer").ok_or_else(|| op_error("attribute layer is missing"))?;
        let (width, attend, cache) = (self.width, self.attend, self.cache.clone());
        Ok(Box::new(move |context: &ComputeContext| {
            let (x, rows) = (input(context, 0)?, input(context, 1)?);
            let (_, x) = x.try_extract_tensor::<f32>()?;
            let (_, rows) = rows.try_extract_tensor::<i64>()?;
            let mut out =
                context.output(0, [rows.len(), HIDDEN])?.ok_or_else(|| op_error("the output is missing"))?;
            let (_, out) = out.try_extract_tensor_mut::<f32>()?;
            let mut cache = cache.lock().map_err(op_error)?;
            for ((row, x), out) in rows.iter().zip(x.chunks_exact(width)).zip(out.chunks_exact_mut(HIDDEN)) {
                attend(&mut cache, *row, layer as usize, x, out).map_err(op_error)?;
            }
            Ok(())
        }))
    }
}

/// `logits f32[B,V], rows i64[B] -> next i64[B], logprob f32[B]`.
struct GreedyToken {
    cache: SharedCache,
}

impl Operator for GreedyToken {
    type Kernel<'attr> = BoxedKernel<'attr>;

    fn name(&self) -> &str {
        "GreedyToken"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(TensorElementType::Float32),
            OperatorInput::required(TensorElementType::Int64),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [
            OperatorOutput::required(TensorElementType::Int64),
            OperatorOutput::required(TensorElementType::Float32),
        ]
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<Self::Kernel<'attr>> {
        let cache = self.cache.clone();
        Ok(Box::new(move |context: &ComputeContext| {
            let (logits, rows) = (input(context, 0)?, input(context, 1)?);
            let (shape, logits) = logits.try_extract_tensor::<f32>()?;
            let &[_, vocabulary] = &shape[..] else { return Err(op_error("expected rows of logits")) };
            let (_, rows) = rows.try_extract_tensor::<i64>()?;
            let mut next =
                context.output(0, [rows.len()])?.ok_or_else(|| op_error("the output is missing"))?;
            let mut logprob =
                context.output(1, [rows.len()])?.ok_or_else(|| op_error("the output is missing"))?;
            let (_, next) = next.try_extract_tensor_mut::<i64>()?;
            let (_, logprob) = logprob.try_extract_tensor_mut::<f32>()?;
            let mut cache = cache.lock().map_err(op_error)?;
            for (i, (row, logits)) in rows.iter().zip(logits.chunks_exact(vocabulary as usize)).enumerate() {
                let (token, probability) = cache.choose(*row, logits).map_err(op_error)?;
                (next[i], logprob[i]) = (i64::from(token), probability);
            }
            Ok(())
        }))
    }
}
