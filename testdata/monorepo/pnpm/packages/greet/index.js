module.exports = "hello"
