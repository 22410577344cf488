"""Calibration texts: packages with free licences, pinned by version and SHA-256, fetched by their ordinary clients.

None of them is a source of the quality bench (bench/quality/documents.ts): calibration and test are disjoint by source.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One package: `client` is apt, npm, wheel or sdist; `file` is the name the client saves it under."""

    client: str
    name: str
    version: str
    file: str
    sha256: str
    licence: str


def _apt(name: str, version: str, sha256: str, licence: str) -> Source:
    return Source("apt", name, version, f"{name}_{version.replace(':', '%3a')}_all.deb", sha256, licence)


def _npm(name: str, version: str, sha256: str, licence: str) -> Source:
    return Source("npm", name, version, f"{name}-{version}.tgz", sha256, licence)


def _wheel(name: str, version: str, sha256: str, licence: str) -> Source:
    return Source("wheel", name, version, f"{name}-{version}-py3-none-any.whl", sha256, licence)


SOURCES = {
    s.name: s
    for s in [
        _apt("anarchism", "15.3-3", "cf21c10948b00e923c62eb31c39a3390413fa26c5ee0e3b925feb0ec7fe42948", "GFDL or GPL-2+"),
        _apt("debian-handbook", "11.20220922", "3d5dbeac1f1afc9c094eab9d0f701f6ecff99c4927d5a4794cf6c85678134faa", "GPL-2+"),
        _apt("debian-policy", "4.6.2.0", "ef9d01b625c3b87c3a845c2cd1b66f1a16e9240b2b9e5bee53472a00e8457a39", "GPL-2+"),
        _apt("debian-reference-de", "2.100", "3b0ce65fd63e75ddf8eb07ca36293425135080e690a07e06a6ac8bc8040ef0aa", "GPL-2+"),
        _apt("debian-reference-en", "2.100", "9f31d3a17df505de09689ca255512ea58c1fc47c59bb1b0c7bf1c23362e9743f", "GPL-2+"),
        _apt("debian-reference-fr", "2.100", "01424cba9bfa2e13166da22d3d692d33a22ec7d8ef935ec81fd8802746087f65", "GPL-2+"),
        _apt("debian-reference-ja", "2.100", "f67140e0b994409413bd5fcc8dfcce832445c99d724401f0275fa238daf30325", "GPL-2+"),
        _apt("debian-reference-zh-cn", "2.100", "6d2d8d9a646397e28b04cdff23d2e4374101ebf9be348e35961af62c8a2d0977", "GPL-2+"),
        _apt("developers-reference-de", "12.18", "281f0c2b24139e0ac83117c3e95b60458a6644fe14c82cf9ea78e87ea8c175d7", "GPL-2+"),
        _apt("dict-devil", "1.0-13.1", "6a535684def2a1f70cd42da16d12d43f0e9dc3e54e4a329178eebab3170e3154", "public domain"),
        _apt("fortunes", "1:1.99.1-7.3", "41d0551dc0ff52f875a2ecef7c39da2f672ab468c37e170119f7e0245a9d63c5", "BSD-4-clause"),
        _apt("fortunes-de", "0.35-1", "03fe7a7912935bd3d4e02e38d79ef32a289097f8718d4488c409595abce067a0", "GPL-2+"),
        _apt("fortunes-es", "1.36", "54636edc1a4384093b68d1666c7e702ce42d1fcc8b5ab402d9646c328dcca899", "GPL-2+"),
        _apt("fortunes-ru", "1.52-3.1", "2dc76af9c0e02e2926d36f88dcb685bb171fab8677e553a6def41efe8a551cc6", "GPL-2+"),
        _apt("fortunes-zh", "2.98", "211c5ddee59d0ae74ce01cbfd02f7c8714740bae1835d5661eb2254edd739105", "GPL-2+"),
        _apt("iso-codes", "4.15.0-1", "b1beb869303229c38288d4ddacfd582c91f594759b5767c9cecebd87f16ff70e", "LGPL-2.1+"),
        _apt("manpages-de", "4.18.1-1", "37d2e7ee51f22952aecec3af93647ff59194a3c74bb7a694560f49c7f7ab3978", "GPL-3+"),
        _apt("manpages-fr", "4.18.1-1", "ec29759cc0e4a44dc7719c1e32869d0060667049e584f09556f0d982b969ea33", "GPL-3+"),
        _npm("axios", "1.21.1", "5659acb8c9414ad88aa539db8e529947c9bac8cdf55973e314a078fc0205751c", "MIT"),
        _npm("express", "5.3.0", "62450d99e36dc393295f1ddd93cb9291e658c169f3b700b0110c1ae8fa799930", "MIT"),
        _npm("lodash", "4.17.21", "6a087ac9e5702a0c9d60fbcd48696012646ec8df1491dea472b150e79fcaf804", "MIT"),
        _npm("node-releases", "2.0.65", "9edb58895b1b6ae2dca6faa538efbeb890465d263610460acafc8f079b7cc544", "MIT"),
        _npm("spdx-license-list", "6.12.0", "54cc8d13086187333ca1457c8edaa06d9a412144f076aa7f7c1b59c4f3b0a1ef", "CC0-1.0"),
        _npm("zod", "4.6.6", "312553620ac82cbb25d505100fbb41c1e219b3cd6979cf93c3a1b4dd5b79e039", "MIT"),
        _wheel("django", "5.2.7", "59a13a6515f787dec9d97a0438cd2efac78c8aca1c80025244b0fe507fe0754b", "BSD-3-Clause"),
        _wheel("networkx", "3.5", "0030d386a9a06dee3565298b4a734b68589749a544acbb6c412dc9e2489ec6ec", "BSD-3-Clause"),
        _wheel("requests", "2.32.5", "2462f94637a34fd532264295e186976db0f5d453d1cdd31473c85a6a161affb6", "Apache-2.0"),
        Source("sdist", "brotli", "1.2.1", "brotli-1.2.1.tar.gz", "02b2f7b5a83485efe448a44ddf7983def05c3bb1dcf917d4f7154070260e13de",
               "MIT; its test texts are public domain (Canterbury corpus)"),
    ]
}


class WrongSource(Exception):
    """A package was fetched but its SHA-256 is not the pinned one. Not raised when the client itself fails."""


class SourceStore:
    """Packages below one folder; fetches what is missing and reads members out of the archives."""

    def __init__(self, folder: Path, python: str):
        self.folder, self.python = folder, python
        self._members: dict[str, dict[str, bytes]] = {}

    def members(self, name: str) -> dict[str, bytes]:
        """All files of a package, by path inside it."""
        if name not in self._members:
            self._members[name] = _unpack(self._fetch(SOURCES[name]))
        return self._members[name]

    def _fetch(self, source: Source) -> Path:
        path = self.folder / source.file
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            pip = [self.python, "-m", "pip", "download", "--quiet", "--no-deps"]
            command = {
                "apt": ["apt-get", "download", f"{source.name}={source.version}"],
                "npm": ["npm", "pack", "--silent", f"{source.name}@{source.version}"],
                "wheel": [*pip, f"{source.name}=={source.version}"],
                "sdist": [*pip, "--no-binary", ":all:", "--no-build-isolation", f"{source.name}=={source.version}"],
            }[source.client]
            subprocess.run(command, cwd=self.folder, check=True)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != source.sha256:
            raise WrongSource(f"{source.file}: sha256 {found}, expected {source.sha256}")
        return path


def _unpack(path: Path) -> dict[str, bytes]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}
    if path.suffix == ".deb":
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], check=True, capture_output=True).stdout
        archive = tarfile.open(fileobj=io.BytesIO(data))
    else:
        archive = tarfile.open(path)
    with archive:
        return {m.name.removeprefix("./"): archive.extractfile(m).read() for m in archive if m.isfile()}
