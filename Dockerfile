# Not built by this project's tests. Built on a slim Python: the CUDA libraries come with torch's wheel.
FROM python:3.12-slim
WORKDIR /opt/pgt-lora
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt '.[cuda,figures]' \
  && useradd --create-home user && mkdir /work && chown user /work
USER user
WORKDIR /work
ENV PGT_LORA_HOME=/work TOKENIZERS_PARALLELISM=false
ENTRYPOINT ["pgt-lora"]
CMD ["--help"]
