//! Headers as JSON, in the shape of `ChunkInfo` and `ProfileInfo` of src/codec/codec.ts. Strings are hexadecimal digits
//! and names of a-z, 0-9 and -, so nothing needs escaping.

use std::fmt::{Display, Write};

use crate::container::header::Header;
use crate::geometry::Geometry;
use crate::profile::Profile;

pub fn chunk_info_json(header: &Header) -> String {
    let levels = list(header.levels.iter().map(|level| {
        format!(
            r#"{{"name":"{}","endOffset":{},"predictedKld":{}}}"#,
            level.name,
            level.end_offset,
            f64::from(level.predicted_kld)
        )
    }));
    let segments = list(header.segments.iter().map(|segment| {
        format!(
            r#"{{"group":{},"band":{},"pass":{},"bytes":{},"slope":{}}}"#,
            segment.group,
            segment.band,
            segment.pass,
            segment.bytes,
            f64::from(segment.slope())
        )
    }));
    format!(
        concat!(
            r#"{{"version":1,"codec":{},"subset":{},"headerBytes":{},"preludeBytes":{},"objectBytes":{},"#,
            r#""modelFingerprint":"{}","profileId":"{}","chunkId":"{}","firstPosition":{},"tokenCount":{},"#,
            r#"{},"levels":{},"segments":{}}}"#
        ),
        header.codec,
        header.subset,
        header.header_bytes,
        header.prelude_bytes,
        header.object_bytes(),
        hex(&header.model_fingerprint),
        hex(&header.profile_id),
        hex(&header.chunk_id),
        header.first_position,
        header.token_count,
        geometry_fields(&header.geometry),
        levels,
        segments
    )
}

pub fn profile_info_json(profile: &Profile) -> String {
    let groups = list(profile.groups.iter().map(|group| {
        format!(
            r#"{{"members":{},"rank":{},"bandEnds":{}}}"#,
            list(group.members.iter().map(|member| member.plane)),
            group.rank,
            list(group.band_ends.iter())
        )
    }));
    format!(
        concat!(
            r#"{{"profileId":"{}","modelFingerprint":"{}",{},"baseStep":{},"levelNames":{},"groups":{},"#,
            r#""firstTokenIds":{},"fileBytes":{}}}"#
        ),
        hex(&profile.id),
        hex(&profile.model_fingerprint),
        geometry_fields(&profile.geometry),
        f64::from(profile.base_step),
        list(profile.level_names.iter().map(|name| format!("\"{name}\""))),
        groups,
        list(profile.first_tokens.iter().map(|token| token.token_id)),
        profile.file_bytes
    )
}

fn geometry_fields(geometry: &Geometry) -> String {
    format!(
        r#""layers":{},"kvHeads":{},"keyHeadDim":{},"valueHeadDim":{}"#,
        geometry.layers, geometry.kv_heads, geometry.key_head_dim, geometry.value_head_dim
    )
}

fn list(items: impl Iterator<Item = impl Display>) -> String {
    let mut out = String::from("[");
    for (index, item) in items.enumerate() {
        let separator = if index == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(out, "{separator}{item}");
    }
    out.push(']');
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
