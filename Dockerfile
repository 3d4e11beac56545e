# A server of Session Explorer, on the processor. On a GPU: docker build --build-arg TORCH_INDEX=https://pypi.org/simple .
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home explorer && mkdir /data && chown explorer /data
WORKDIR /app
COPY requirements*.txt ./
RUN pip install --extra-index-url "$TORCH_INDEX" -r requirements.txt -r requirements-formats.txt -r requirements-mcp.txt
COPY . .

USER explorer
VOLUME /data
EXPOSE 7860
# From inside, no key is needed.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/theme.css', timeout=4)"]
ENTRYPOINT ["python", "session_explorer_gradio.py", "--no-browser", "--data", "/data"]
