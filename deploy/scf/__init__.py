"""Deploying to Tencent SCF."""
