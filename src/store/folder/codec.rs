//! A run as bytes, for the index and the cache: a fourth of what it takes as it is.

use crate::mlflow::{
    Dataset, DatasetInput, ExperimentId, LifecycleStage, Metric, ModelId, ModelOutput, Param, Run, RunId,
    RunInfo, RunStatus, Tag,
};

/// Writes into bytes.
#[derive(Debug, Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn int(&mut self, value: i64) {
        // Small ones, also below zero, take few bytes.
        self.natural(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    pub fn natural(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn fixed(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.natural(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.natural(u64::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn pairs<'a>(&mut self, pairs: impl ExactSizeIterator<Item = (&'a String, &'a String)>) {
        self.natural(pairs.len() as u64);
        for (key, value) in pairs {
            self.text(key);
            self.text(value);
        }
    }
}

/// Reads from bytes; nothing where they are other than they should be.
#[derive(Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn int(&mut self) -> Option<i64> {
        let value = self.natural()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub fn natural(&mut self) -> Option<u64> {
        let mut value = 0;
        for at in 0..10 {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << (at * 7);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub fn fixed(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.natural()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.bytes()?).ok().map(str::to_owned)
    }

    /// Many things, or the one that there may be.
    fn many<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.natural()? as usize;
        let mut found = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            found.push(read(self)?);
        }
        Some(found)
    }
}

fn place<T: PartialEq>(all: &[T], one: &T) -> u64 {
    all.iter().position(|known| known == one).unwrap_or(0) as u64
}

/// What is known of a run without reading all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brief {
    pub status: RunStatus,
    pub stage: LifecycleStage,
    pub start_time: Option<i64>,
}

impl Brief {
    pub fn of(info: &RunInfo) -> Self {
        Self { status: info.status, stage: info.lifecycle_stage, start_time: info.start_time }
    }
}

pub fn encode(run: &Run) -> Vec<u8> {
    let mut out = Writer::default();
    let info = &run.info;
    out.natural(place(&RunStatus::ALL, &info.status));
    out.natural(u64::from(info.lifecycle_stage == LifecycleStage::Deleted));
    out.maybe(info.start_time, Writer::int);
    out.maybe(info.end_time, Writer::int);
    for text in
        [info.run_id.as_str(), info.experiment_id.as_str(), &info.run_name, &info.user_id, &info.artifact_uri]
    {
        out.text(text);
    }
    out.natural(run.metrics.len() as u64);
    for metric in &run.metrics {
        out.text(&metric.key);
        out.fixed(metric.value.to_bits());
        out.int(metric.timestamp);
        out.int(metric.step);
    }
    out.pairs(run.params.iter().map(|param| (&param.key, &param.value)));
    out.pairs(run.tags.iter().map(|tag| (&tag.key, &tag.value)));
    out.natural(run.inputs.len() as u64);
    for DatasetInput { dataset, tags } in &run.inputs {
        for text in [&dataset.name, &dataset.digest, &dataset.source_type, &dataset.source] {
            out.text(text);
        }
        for text in [&dataset.schema, &dataset.profile] {
            out.maybe(text.as_deref(), Writer::text);
        }
        out.pairs(tags.iter().map(|tag| (&tag.key, &tag.value)));
    }
    out.natural(run.model_outputs.len() as u64);
    for output in &run.model_outputs {
        out.text(output.model_id.as_str());
        out.int(output.step);
    }
    out.0
}

fn start(reader: &mut Reader<'_>) -> Option<Brief> {
    let status = *RunStatus::ALL.get(reader.natural()? as usize)?;
    let stage = if reader.natural()? == 0 { LifecycleStage::Active } else { LifecycleStage::Deleted };
    Some(Brief { status, stage, start_time: reader.many(Reader::int)?.pop() })
}

/// The beginning of it.
pub fn brief(bytes: &[u8]) -> Option<Brief> {
    start(&mut Reader(bytes))
}

pub fn decode(bytes: &[u8]) -> Option<Run> {
    let mut reader = Reader(bytes);
    let Brief { status, stage, start_time } = start(&mut reader)?;
    let reader = &mut reader;
    let end_time = reader.many(Reader::int)?.pop();
    let info = RunInfo {
        run_id: RunId(reader.text()?),
        experiment_id: ExperimentId(reader.text()?),
        run_name: reader.text()?,
        user_id: reader.text()?,
        artifact_uri: reader.text()?,
        status,
        start_time,
        end_time,
        lifecycle_stage: stage,
    };
    let metric = |reader: &mut Reader<'_>| {
        let (key, value) = (reader.text()?, f64::from_bits(reader.fixed()?));
        Some(Metric { key, value, timestamp: reader.int()?, step: reader.int()? })
    };
    let tag = |reader: &mut Reader<'_>| Some(Tag { key: reader.text()?, value: reader.text()? });
    let input = |reader: &mut Reader<'_>| {
        let dataset = Dataset {
            name: reader.text()?,
            digest: reader.text()?,
            source_type: reader.text()?,
            source: reader.text()?,
            schema: reader.many(Reader::text)?.pop(),
            profile: reader.many(Reader::text)?.pop(),
        };
        Some(DatasetInput { dataset, tags: reader.many(tag)? })
    };
    let metrics = reader.many(metric)?;
    let params = reader.many(|reader| Some(Param { key: reader.text()?, value: reader.text()? }))?;
    let tags = reader.many(tag)?;
    let inputs = reader.many(input)?;
    let output = |reader: &mut Reader<'_>| {
        Some(ModelOutput { model_id: ModelId(reader.text()?), step: reader.int()? })
    };
    let model_outputs = reader.many(output)?;
    reader.0.is_empty().then_some(Run { info, metrics, params, tags, inputs, model_outputs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_comes_back_as_it_was() {
        let metric = |value, step| Metric { key: "m".into(), value, timestamp: i64::MAX, step };
        let run = Run {
            info: RunInfo {
                run_id: "ab".into(),
                experiment_id: "0".into(),
                run_name: "ä\u{1b}".into(),
                user_id: String::new(),
                status: RunStatus::Killed,
                start_time: Some(-5),
                end_time: None,
                lifecycle_stage: LifecycleStage::Deleted,
                artifact_uri: "file:///x".into(),
            },
            metrics: vec![metric(1e-7, i64::MIN), metric(f64::NEG_INFINITY, -1)],
            params: vec![Param::new("p", "x".repeat(300))],
            tags: vec![Tag::new("t", "1\n2")],
            inputs: vec![DatasetInput {
                dataset: Dataset {
                    name: "wine".into(),
                    digest: "d".into(),
                    source_type: "local".into(),
                    source: "{}".into(),
                    schema: None,
                    profile: Some(String::new()),
                },
                tags: vec![Tag::new("c", "training")],
            }],
            model_outputs: vec![ModelOutput { model_id: "m-1".into(), step: 7 }],
        };
        let bytes = encode(&run);
        assert_eq!(decode(&bytes).unwrap(), run);
        assert_eq!(brief(&bytes), Some(Brief::of(&run.info)));
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "{length} bytes of it");
        }
    }
}
