"""Bundles for app teams: models, manifest, license texts, SBOM, model card and samples."""
